import { settingsSchema } from "./settings.js";

export const settings = settingsSchema;
