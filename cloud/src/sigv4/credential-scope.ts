/** Where and when a signature holds: `20130524/us-east-1/kinesis/aws4_request`. */
export interface CredentialScope {
  /** YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
}

/** Reads `<access key>/<date>/<region>/<service>/<terminator>`, or answers undefined. */
export function parseCredential(text: string): (CredentialScope & { readonly accessKeyId: string }) | undefined {
  const [accessKeyId, date, region, service, terminator, ...rest] = text.split("/");
  if (accessKeyId === undefined || date === undefined || region === undefined) return undefined;
  if (service === undefined || terminator === undefined || rest.length > 0) return undefined;
  return { accessKeyId, date, region, service, terminator };
}

export function formatScope({ date, region, service, terminator }: CredentialScope): string {
  return `${date}/${region}/${service}/${terminator}`;
}
