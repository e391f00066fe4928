/** Where everything is, once it runs. */
export interface Whereabouts {
  /** `http://127.0.0.1:4567`. */
  readonly endpoint: string;
  /** `mqtt://127.0.0.1:1883`. */
  readonly mqtt: string;
  /** Absolute. */
  readonly data: string;
  readonly credentialsFile: string;
  readonly region: string;
  /** What the video stream `camera` shows; undefined where there is none. */
  readonly camera: string | undefined;
  /** Of the ssh session, where there is one: who, and the server's address. */
  readonly ssh: { readonly user: string; readonly host: string } | undefined;
}

/** What `npm start` prints last. */
export function welcome(where: Whereabouts): string {
  const { port } = new URL(where.endpoint);
  const tunnel =
    where.ssh === undefined
      ? []
      : [
          "From your own machine, through ssh:",
          `  ssh -N -L ${port}:127.0.0.1:${port} ${where.ssh.user}@${where.ssh.host}`,
          "",
        ];
  return [
    "",
    "Headwater is running: a device measures this machine, a gateway takes its records, a cloud keeps them.",
    "",
    `  console    ${where.endpoint}/console`,
    `  endpoint   ${where.endpoint} (region ${where.region})`,
    `  MQTT       ${where.mqtt}`,
    ...(where.camera === undefined ? [] : [`  video      stream "camera": ${withoutPassword(where.camera)}`]),
    `  data       ${where.data} (logs in ${where.data}/logs)`,
    "",
    "With the AWS CLI or an SDK:",
    `  export AWS_SHARED_CREDENTIALS_FILE=${shellWord(where.credentialsFile)} AWS_DEFAULT_REGION=${where.region}`,
    `  aws --endpoint-url ${where.endpoint} kinesis list-streams`,
    "",
    ...tunnel,
    "Ctrl-C stops everything; the data stays.",
    "",
  ].join("\n");
}

function withoutPassword(source: string): string {
  return source.replace(/\/\/[^/@]*@/, "//…@");
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** @param connection SSH_CONNECTION: client's address and port, then the server's. */
export function sshFrom(connection: string | undefined, user: string): Whereabouts["ssh"] {
  const host = connection?.split(" ")[2];
  return host === undefined ? undefined : { user, host };
}
