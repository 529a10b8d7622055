// A reader for the XML of the query protocol: elements and text. The browser's own parser is a place that Trusted
// Types close, and the Content-Security-Policy allows no policy for it.

export class Element {
  children: Element[] = []
  text = ''

  constructor(readonly name: string) {}

  /** find returns the first element of a name, in the order of the document. */
  find(name: string): Element | undefined {
    for (const child of this.children) {
      if (child.name === name) return child
      const below = child.find(name)
      if (below) return below
    }

    return undefined
  }

  /** of returns the text of a child; '' without one. */
  of(name: string): string {
    return this.child(name)?.text ?? ''
  }

  child(name: string): Element | undefined {
    return this.children.find((child) => child.name === name)
  }

  /** list returns the members of a list, as <Roles><member>…</member></Roles>. */
  list(name: string): Element[] {
    return this.child(name)?.children.filter((child) => child.name === 'member' || child.name === 'entry') ?? []
  }
}

const tokens = /<\?[^]*?\?>|<!--[^]*?-->|<(\/?)([A-Za-z_][\w.:-]*)(?:\s[^<>]*?)?(\/?)>|([^<]+)/y
const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** parseXML returns the root. It throws for text that is not well formed; it knows no DTD, so no entity expands. */
export function parseXML(text: string): Element {
  const root = new Element('')
  const open = [root]
  tokens.lastIndex = 0

  while (tokens.lastIndex < text.length) {
    const at = tokens.lastIndex
    const found = tokens.exec(text)
    if (!found) throw new SyntaxError(`no XML at ${at}`)

    const [, closes, name, empty, content] = found
    const inside = open[open.length - 1] as Element
    if (content !== undefined) {
      inside.text += unescape(content)
    } else if (closes) {
      if (inside.name !== name) throw new SyntaxError(`</${name}> closes <${inside.name}>`)
      if (inside.children.length > 0) inside.text = ''
      open.pop()
    } else if (name) {
      const child = new Element(name)
      inside.children.push(child)
      if (!empty) open.push(child)
    }
  }
  if (open.length !== 1 || root.children.length !== 1) throw new SyntaxError('the text ends too early')

  return root.children[0] as Element
}

function unescape(text: string): string {
  return text.replace(/&(#x?[0-9a-fA-F]+|[a-z]+);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole
    const code = name[1] === 'x' ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
