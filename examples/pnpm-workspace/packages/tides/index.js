/** Hours between one high water and the next. */
export const BETWEEN_HIGH_WATERS = 12.42
