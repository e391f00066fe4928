/** Takes user names and passwords out of the URLs in a text; a password may hold an `@`. */
export function maskCredentials(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi, "$1***@");
}
