import { isDeviceId } from "@headwater/protocol";
import type { Authenticator } from "../auth/authenticator.js";
import { Refusal } from "../gateway-error.js";
import { Session } from "./session.js";

/** What a CONNECT says of its sender. */
export interface Claim {
  /** As the broker knows the client: its own id, or one made up. */
  readonly clientId: string;
  /** Whether the client left its id to the broker. */
  readonly isIdMadeUp: boolean;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
}

const VIDEO_SUFFIX = "/video";
const CLIENT_ID_CHARACTERS_MAX = 256;

/** Takes anyone; who gives a device's id as client id is that device. */
export function anonymousSession({ clientId }: Claim): Session {
  if (clientId.length > CLIENT_ID_CHARACTERS_MAX) {
    throw new Refusal("client-id-not-allowed", `a client id has at most ${CLIENT_ID_CHARACTERS_MAX} characters`);
  }
  const device = clientId.endsWith(VIDEO_SUFFIX) ? clientId.slice(0, -VIDEO_SUFFIX.length) : clientId;
  return new Session(clientId, isDeviceId(device) ? device : undefined, undefined);
}

/**
 * Takes those with a credential. The client id is the user's name, `<name>/video`, or left to the gateway: since a second
 * connection under an id ends the first, nobody may take another's.
 * @throws {Refusal} `credentials-wrong`, `client-id-not-allowed`, `verification-busy`.
 */
export async function authenticatedSession(claim: Claim, authenticator: Authenticator): Promise<Session> {
  const { clientId, isIdMadeUp, username, password } = claim;
  const user =
    username === undefined || password === undefined ? undefined : await authenticator.authenticate(username, password);
  if (user === undefined) throw new Refusal("credentials-wrong", "user name or password is wrong");
  if (!isIdMadeUp && clientId !== user.name && clientId !== user.name + VIDEO_SUFFIX) {
    throw new Refusal(
      "client-id-not-allowed",
      `the client id of ${user.name} is ${user.name}, ${user.name}/video or empty`,
    );
  }
  return new Session(clientId, user.name, user);
}
