import { expect, test } from 'vitest'
import { LONGEST, recognise } from './recognise'

const id = '3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55'
const saml = btoa('<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="a"></samlp:Response>')

test.each([
  ['', 'empty'],
  ['   ', 'empty'],
  [id, 'request'],
  [id.toUpperCase(), 'request'],
  [`x-amzn-RequestId: ${id}`, 'request'],
  [`"${id}"`, 'request'],
  [id.slice(0, -1), 'unknown'],
  [`us-east-1:${id}`, 'id'],
  [`us-gov-west-1:${id}`, 'id'],
  [`:${id}`, 'unknown'],
  ['AKIAIOSFODNN7EXAMPLE', 'key'],
  ['ASIAIOSFODNN7EXAMPLE', 'key'],
  ['akiaiosfodnn7example', 'unknown'],
  ['eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln', 'token'],
  ['Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln', 'token'],
  ['eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0', 'unknown'],
  ['eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.', 'unknown'],
  ['eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn', 'encrypted'],
  [saml, 'saml'],
  [saml.match(/.{1,30}/g)!.join('\r\n'), 'saml'],
  [`SAMLResponse=${encodeURIComponent(saml)}`, 'saml'],
  [btoa('<?xml version="1.0"?>\n<Response ID="abcdefgh" Version="2.0"></Response>'), 'saml'],
  [btoa('<html><body>an ordinary page, not a response</body></html>'), 'unknown'],
  ['%zz' + saml, 'unknown'],
  ['<script>alert(1)</script>', 'unknown'],
])('%j is %s', (text, kind) => {
  expect(recognise(text).kind).toBe(kind)
})

test('what is around a value is not part of it', () => {
  expect(recognise(` 'us-east-1:${id}' `).value).toBe(`us-east-1:${id}`)
  expect(recognise(`SAMLResponse=${encodeURIComponent(saml)}`).value).toBe(saml)
})

test('a longer text than the server reads is not recognised', () => {
  expect(recognise('eyJa.' + 'a'.repeat(LONGEST) + '.b').kind).toBe('unknown')
})
