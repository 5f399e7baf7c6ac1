export default function SecretsSection() {
  return null
}
