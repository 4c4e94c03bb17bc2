// Milliseconds since epoch in, metav1.MicroTime out: exactly six digits, or the API server refuses it.
export function rfc3339Micro(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`
}
