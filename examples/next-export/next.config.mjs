// Files instead of a server: without this line the project is a server application.
export default { output: 'export', trailingSlash: true, images: { unoptimized: true } }
