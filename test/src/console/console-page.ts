import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import type { Scope } from "../harness/scope.js";

/** Debian's, which the tests' set-up installs. */
const CHROMIUM = "/usr/bin/chromium";

/** A real browser with a profile of its own that is gone with it. */
export async function startBrowser(scope: Scope): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  scope.defer(() => browser.close());
  return browser;
}

/** The console in a browser, seen the way a person sees it. */
export class ConsolePage {
  /** What the browser's own console and the page's scripts complained about. */
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  static async open(browser: Browser, url: string): Promise<ConsolePage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const console = new ConsolePage(await context.newPage());
    await console.page.goto(`${url}/console`);
    return console;
  }

  /** Waits until the station of that name says so. */
  async station(name: string, state: string): Promise<void> {
    const heading = this.page.getByRole("heading", { level: 3, name, exact: true });
    const card = this.page.locator(".card", { has: heading });
    await card.locator(".pill", { hasText: exactly(state) }).waitFor();
  }

  /** Waits until the link of that label says so. */
  async link(label: string, state: string): Promise<void> {
    const link = this.page.locator(".link", { hasText: label });
    await link.locator(".link-state", { hasText: exactly(state) }).waitFor();
  }

  /** Waits for the word at the top: whether the page hears from the cloud. */
  async connection(state: string): Promise<void> {
    await this.page.locator("#connection", { hasText: exactly(state) }).waitFor();
  }

  /** The rows of the newest records, newest first. */
  get rows(): Locator {
    return this.page.locator("#rows tr");
  }

  /** The newest record's sequence number. */
  async newestSequenceNumber(): Promise<string> {
    return (await this.rows.first().locator(".sequence").getAttribute("title")) ?? "";
  }
}

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[^\w ]/g, "\\$&")}$`);
}
