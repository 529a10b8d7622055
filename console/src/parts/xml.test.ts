import { describe, expect, it } from 'vitest'
import { parseXML } from './xml'

describe('parseXML', () => {
  it('reads elements, text and lists', () => {
    const root = parseXML(
      '<?xml version="1.0"?><R xmlns="https://x/"><!-- no --><A>a &lt;&#65;&#x42;&amp;lt;</A><L><member><N>1</N></member> <member/></L></R>',
    )
    expect(root.of('A')).toBe('a <AB&lt;')
    expect(root.list('L').map((one) => one.of('N'))).toEqual(['1', ''])
    expect(root.find('N')?.text).toBe('1')
    expect(root.of('None')).toBe('')
    expect(root.list('None')).toEqual([])
  })

  it.each(['', 'text', '<A>', '<A></B>', '<A/><B/>', '<A', '<!DOCTYPE x [<!ENTITY e "v">]><A>&e;</A>', '<A><</A>'])(
    'refuses %j',
    (text) => expect(() => parseXML(text)).toThrow(SyntaxError),
  )

  it('expands no entity of its own making', () => expect(parseXML('<A>&e;&#1114112;</A>').text).toBe('&e;&#1114112;'))
})
