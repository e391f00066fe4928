export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The root keys that the tests' cloud is started with. Not a secret: it listens on loopback and lives for a test. */
export const credentials: Keys = {
  accessKeyId: "AKIDHEADWATERTEST000",
  secretAccessKey: "headwater-test-secret-headwater-test-sec",
};

export const region = "us-east-1";

/** For clients and gateways: finds the keys above, and nothing of the machine's own. */
export const clientEnvironment: Record<string, string> = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_DEFAULT_REGION: region,
  AWS_REGION: region,
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_CONFIG_FILE: "/nonexistent",
  AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
  AWS_PAGER: "",
};

export const rootEnvironment: Record<string, string> = {
  HEADWATER_ROOT_ACCESS_KEY: credentials.accessKeyId,
  HEADWATER_ROOT_SECRET_KEY: credentials.secretAccessKey,
};
