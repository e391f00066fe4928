/** What a browser sees that is not on this machine: why, and how to come in. Takes nothing from the request. */
export function tunnelPage(reason: string, port: number): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Headwater console: only on its own machine</title>
<h1>The console answers on its own machine only</h1>
<p>It has no log-in yet, so it shows nothing where ${reason}.</p>
<p>From another machine, open a tunnel and then the address below it:</p>
<pre>ssh -L ${port}:127.0.0.1:${port} you@this-machine
http://localhost:${port}/console</pre>
<p>For this, the cloud must listen on 127.0.0.1, which is its default.</p>
</html>
`;
}
