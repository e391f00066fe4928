/** What a reader pastes: the fenced `sh` blocks, in order, as one script of one terminal. */
export function pastedScript(markdown: string): string {
  return Array.from(markdown.matchAll(/^```sh\n(.*?)^```$/gms), ([, block]) => block).join("\n");
}
