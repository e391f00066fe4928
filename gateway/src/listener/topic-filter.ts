/** An MQTT 3.1.1 topic filter (section 4.7): `+` stands for one level, `#` at the end for the rest. */
export function isTopicFilter(filter: string): boolean {
  const levels = filter.split("/");
  return (
    filter.length > 0 &&
    filter.length <= 1024 &&
    levels.every((level, i) =>
      level.includes("#") ? level === "#" && i === levels.length - 1 : level === "+" || !level.includes("+"),
    )
  );
}

/** Whether a published topic falls under the filter. Wildcards at the start don't match topics that begin with `$`. */
export function matchesFilter(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const wanted = filter.split("/");
  const given = topic.split("/");
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= given.length || (level !== "+" && level !== given[i])) return false;
  }
  return wanted.length === given.length;
}
