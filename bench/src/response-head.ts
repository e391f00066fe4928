const HEAD_END = Buffer.from("\r\n\r\n");

/** The status and length of one HTTP/1.1 response after the other, as far as a load generator cares. */
export class ResponseHead {
  status = 0;
  bodyBytes = 0;
  #isWhole = false;
  #before: Buffer = Buffer.alloc(0);

  /**
   * Takes the next bytes; answers those of them that belong to the body, once the head is whole.
   * @throws {Error} where the response has no Content-Length.
   */
  push(chunk: Buffer): Buffer | undefined {
    if (this.#isWhole) return chunk;
    const joined = Buffer.concat([this.#before, chunk]);
    this.#before = joined;
    const headEnd = joined.indexOf(HEAD_END);
    if (headEnd === -1) return undefined;
    const head = joined.toString("latin1", 0, headEnd);
    const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    if (status === undefined || length === undefined) throw new Error(`cannot read this response: ${head}`);
    this.status = Number(status);
    this.bodyBytes = Number(length);
    this.#isWhole = true;
    return joined.subarray(headEnd + HEAD_END.length);
  }

  /** The response is over: what comes is the next one's. */
  reset(): void {
    this.#isWhole = false;
    this.#before = Buffer.alloc(0);
  }
}
