// Elements and text, and nothing that could be read as HTML.

export type Child = Node | string | null;
type Value = string | boolean | ((event: never) => unknown);

/** An element. Attributes that are true are there without a value; functions listen to the event of
 * their name. Strings among the children become text, whatever stands in them. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Value>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  put(element, ...children);
  return element;
}

/** Let `children` be all that is in `element`. */
export function put(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(...children.filter((child) => child !== null));
}

/** Somebody's name, or what somebody called something: text of unknown direction. */
export function nameOf(text: string): HTMLElement {
  return h("bdi", { class: "name" }, text);
}

/** `words` with a name in the place of `{}`. */
export function sentence(words: string, name: string): readonly Child[] {
  const [before = "", after = ""] = words.split("{}");
  return [before, nameOf(name), after];
}

/** Let the children of `list` be `wanted`, and touch only what differs: what stays is not read out
 * again, and keeps the focus. */
export function arrange(list: Element, wanted: readonly Element[]): void {
  let at = list.firstElementChild;
  for (const element of wanted) {
    if (element === at) at = at.nextElementSibling;
    else list.insertBefore(element, at);
  }
  while (at !== null) {
    const next = at.nextElementSibling;
    at.remove();
    at = next;
  }
}

export function button(
  words: string,
  act: (event: Event) => unknown,
  attributes: Readonly<Record<string, Value>> = {},
): HTMLButtonElement {
  return h("button", { type: "button", click: act, ...attributes }, words);
}
