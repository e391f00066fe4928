/** One HTTP/1.1 response, as far as a load generator cares. */
export interface Response {
  readonly status: number;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** Cuts responses with a Content-Length out of a connection's bytes; one at a time, since the generator never pipelines. */
export class ResponseReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #head: { status: number; end: number; total: number } | undefined;

  /**
   * Takes the next bytes; answers the response once it is whole.
   * @throws {Error} where the response has no Content-Length, or more bytes come than one response has.
   */
  push(chunk: Buffer): Response | undefined {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#head === undefined) {
      const joined = Buffer.concat(this.#chunks);
      this.#chunks = [joined];
      const headEnd = joined.indexOf(HEAD_END);
      if (headEnd === -1) return undefined;
      const head = joined.toString("latin1", 0, headEnd);
      const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
      const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
      if (status === undefined || length === undefined) throw new Error(`cannot read this response: ${head}`);
      const end = headEnd + HEAD_END.length;
      this.#head = { status: Number(status), end, total: end + Number(length) };
    }
    const { status, end, total } = this.#head;
    if (this.#bytes < total) return undefined;
    if (this.#bytes > total) throw new Error(`${this.#bytes - total} bytes more than the response has`);
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    this.#head = undefined;
    return { status, body: whole.subarray(end) };
  }
}
