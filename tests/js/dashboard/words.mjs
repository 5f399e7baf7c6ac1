// The dashboard's words in a language, by the English ones: what the tests look for is what the catalogues say.
import { messages } from '../../../scripts/web/catalogue.mjs';

/** A language of the dashboard. */
export class Words {
  #said;

  constructor(locale) {
    this.locale = locale;
    this.#said = messages(new URL(`../../../web/src/locales/${locale}.po`, import.meta.url).pathname);
  }

  /** What is shown for an English message, with `values` for its placeholders, as text. */
  say(message, values = {}) {
    return this.#of(message).replaceAll(ELEMENT, '').replaceAll(VALUE, (found, name) => values[name] ?? found);
  }

  /** The same as a pattern: what no value is given for may be anything. */
  like(message, values = {}) {
    const parts = this.#of(message).replaceAll(ELEMENT, '').split(VALUE);
    // split() puts the placeholders' names between the texts.
    return new RegExp(parts.map((part, index) => (index % 2 ? (part in values ? escaped(values[part]) : '.*') : escaped(part))).join(''), 's');
  }

  #of(message) {
    const words = this.#said.get(message);
    if (words === undefined) throw new Error(`nothing in web/src says ${JSON.stringify(message)} (any more)`);
    // Like the dashboard: what is not translated is shown in English. That nothing is so is checked by scripts/check-web.
    return words || message;
  }
}

const ELEMENT = /<\/?\d+\/?>/g;
const VALUE = /\{(\w+)\}/g;

const escaped = (text) => String(text).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
