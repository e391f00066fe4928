/** Text collected from a stream, of which only the newest part is kept. */
export class BoundedText {
  #text = "";
  #dropped = 0;

  constructor(readonly charactersMax: number) {}

  append(chunk: string): void {
    this.#text += chunk;
    if (this.#text.length > 2 * this.charactersMax) {
      this.#dropped += this.#text.length - this.charactersMax;
      this.#text = this.#text.slice(-this.charactersMax);
    }
  }

  toString(): string {
    return this.#dropped === 0 ? this.#text : `[${this.#dropped} characters dropped] ${this.#text}`;
  }
}
