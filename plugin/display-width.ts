// Text in, the columns that a terminal shows it in out; and its beginning that fits into some. Pure.

/** What nearly all texts consist of: one column a character. */
const narrow = /^[\u0020-\u02ff\u2000-\u25ff]*$/
const none = /^\p{M}$/u
const wide =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\u3041-\u33ff\uff01-\uff60\uffe0-\uffe6]$/u

export function displayWidth(text: string): number {
  if (narrow.test(text)) return text.length
  return [...text].reduce((total, character) => total + widthOf(character), 0)
}

/** The beginning that fits, and what is left. */
export function split(text: string, width: number): readonly [string, string] {
  let [end, total] = [0, 0]
  for (const character of text) {
    total += widthOf(character)
    if (total > width) break
    end += character.length
  }
  return [text.slice(0, end), text.slice(end)]
}

function widthOf(character: string): number {
  return none.test(character) ? 0 : wide.test(character) ? 2 : 1
}
