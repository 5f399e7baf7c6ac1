export default function WebhookSection() {
  return null
}
