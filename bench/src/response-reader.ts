import { ResponseHead } from "./response-head.js";

/** One HTTP/1.1 response, as far as a load generator cares. */
export interface Response {
  readonly status: number;
  readonly body: Buffer;
}

/** Cuts responses with a Content-Length out of a connection's bytes; one at a time, since the generator never pipelines. */
export class ResponseReader {
  readonly #head = new ResponseHead();
  #chunks: Buffer[] = [];
  #bytes = 0;

  /**
   * Takes the next bytes; answers the response once it is whole.
   * @throws {Error} where the response has no Content-Length, or more bytes come than one response has.
   */
  push(chunk: Buffer): Response | undefined {
    const body = this.#head.push(chunk);
    if (body === undefined) return undefined;
    this.#chunks.push(body);
    this.#bytes += body.length;
    const { status, bodyBytes } = this.#head;
    if (this.#bytes < bodyBytes) return undefined;
    if (this.#bytes > bodyBytes) throw new Error(`${this.#bytes - bodyBytes} bytes more than the response has`);
    const response = { status, body: Buffer.concat(this.#chunks) };
    this.#chunks = [];
    this.#bytes = 0;
    this.#head.reset();
    return response;
  }
}
