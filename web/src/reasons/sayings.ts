/**
 * What a table of reasons holds: for each code of the server a message, made of the code's values; none for
 * values that this page does not know.
 */

import type { MessageDescriptor } from '@lingui/core'

import type { Schema } from '~/api/client'

export type Reason = Schema['Reason']

type Of<Code extends Reason['code']> = Extract<Reason, { code: Code }>

/** What a code comes with; several names are one list of them in the reader's language. */
export type ValuesOf<Code extends Reason['code']> = Of<Code> extends { values: infer Values }
  ? { [Name in keyof Values]: Values[Name] extends readonly string[] ? string : Values[Name] }
  : object

export type Sayings = { readonly [Code in Reason['code']]: (values: ValuesOf<Code>) => MessageDescriptor | undefined }
