// One page and scripts, no server.
export default { ssr: false }
