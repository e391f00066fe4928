/**
 * Runs tasks side by side. When one fails the others are aborted; settles once all have ended.
 * @throws what the first one failed with.
 */
export async function together(
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const run = async (task: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    try {
      await task(either);
    } catch (error) {
      failure.abort(error);
    }
  };
  await Promise.all(tasks.map(run));
  if (failure.signal.aborted) throw failure.signal.reason;
}
