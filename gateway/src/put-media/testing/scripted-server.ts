import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Script = (request: IncomingMessage, response: ServerResponse, call: number) => void;

/** A Kinesis Video endpoint that does what the test says with each PutMedia, and knows where every stream's media go. */
export class ScriptedServer {
  readonly #server: Server;
  readonly #dataEndpointCalls: string[] = [];
  #calls = 0;

  private constructor(script: Script, isContinueAnswered: boolean) {
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      if (request.url === "/putMedia") return script(request, response, this.#calls++);
      void this.#serveControl(request, response);
    };
    this.#server = createServer(serve);
    this.#server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      if (isContinueAnswered) response.writeContinue();
      serve(request, response);
    });
  }

  /** @param script is called for each PutMedia when its headers are there. */
  static async start(script: Script, { isContinueAnswered = true } = {}): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(script, isContinueAnswered);
    scripted.#server.listen(0, "127.0.0.1");
    await once(scripted.#server, "listening");
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The bodies of the GetDataEndpoint calls. */
  get dataEndpointCalls(): readonly string[] {
    return this.#dataEndpointCalls;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serveControl(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await bodyOf(request)).toString();
    if (request.url !== "/getDataEndpoint" || body.includes("absent")) {
      response.writeHead(404, { "x-amzn-ErrorType": "ResourceNotFoundException:http://internal.amazon.com/" });
      response.end('{"Message":"no such stream"}');
      return;
    }
    this.#dataEndpointCalls.push(body);
    response.end(JSON.stringify({ DataEndpoint: this.url }));
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
