import { CloudError } from "../cloud-error.js";
import { string, structure } from "../codec/shape.js";
import { resourceArn } from "./members.js";
import { operation, type OperationContext } from "./operation.js";
import { resourceOf } from "./resource-arn.js";

/** Source: API reference, PutResourcePolicy: 20 KB. */
const POLICY_CHARACTERS_MAX = 20 * 1024;

export const putResourcePolicy = operation(
  structure({ required: { ResourceARN: resourceArn, Policy: string({ max: POLICY_CHARACTERS_MAX }) }, optional: {} }),
  async ({ ResourceARN, Policy }, context) => {
    checkPolicy(Policy);
    await setPolicy(ResourceARN, context, Policy);
    return undefined;
  },
);

export const getResourcePolicy = operation(
  structure({ required: { ResourceARN: resourceArn }, optional: {} }),
  ({ ResourceARN }, context) => ({ Policy: policyOf(ResourceARN, context) ?? "{}" }),
);

export const deleteResourcePolicy = operation(
  structure({ required: { ResourceARN: resourceArn }, optional: {} }),
  async ({ ResourceARN }, context) => {
    if (policyOf(ResourceARN, context) === undefined) {
      throw new CloudError("policy-not-found", `No resource policy found for resource ARN ${ResourceARN}.`);
    }
    await setPolicy(ResourceARN, context, undefined);
    return undefined;
  },
);

function policyOf(arn: string, { service }: OperationContext): string | undefined {
  const resource = resourceOf(arn, service);
  return resource.kind === "stream"
    ? service.describe(resource.streamName).policy
    : service.consumers.find(resource.arn).policy;
}

function setPolicy(arn: string, { service }: OperationContext, policy: string | undefined): Promise<void> {
  const resource = resourceOf(arn, service);
  return resource.kind === "stream"
    ? service.changeSettings(resource.streamName, (settings) => withPolicy(settings, policy))
    : service.consumers.change(resource.arn, (consumer) => withPolicy(consumer, policy));
}

function withPolicy<T extends { readonly policy?: string }>(of: T, policy: string | undefined): T {
  const { policy: _before, ...rest } = of;
  return (policy === undefined ? rest : { ...rest, policy }) as T;
}

/** What any policy has; who it lets in is not enforced, since there is one account with one key. */
function checkPolicy(text: string): void {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch (error) {
    throw new CloudError("argument-invalid", "The resource policy is not valid JSON.", { cause: error });
  }
  const isPolicy = typeof policy === "object" && policy !== null && "Version" in policy && "Statement" in policy;
  if (!isPolicy) throw new CloudError("argument-invalid", "The resource policy must have a Version and a Statement.");
}
