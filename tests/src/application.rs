//! A small Node server without dependencies that becomes a running service: what [`crate::Shop`] is for files.

use anyhow::Result;

use crate::Repo;

/// Answers every path with its text; `/slow` after a second, `/env/<key>` with a variable, `/get?<url>` with what it gets
/// there, `/crash` by ending with code 3, `/eat` by taking all memory. Of what is upgraded it says everything again. It says
/// its text when it starts, and `SIGTERM` when it is asked to end.
#[derive(Clone)]
pub struct Application {
    /// What it answers.
    pub text: String,
    /// More JavaScript for the beginning of the server.
    pub script: String,
}

impl Application {
    /// One that works.
    #[must_use]
    pub fn saying(text: &str) -> Self {
        Self { text: text.to_owned(), script: String::new() }
    }

    /// The same, and the server begins with this.
    #[must_use]
    pub fn after(self, script: &str) -> Self {
        Self { script: script.to_owned(), ..self }
    }

    /// Commits and pushes it; the commit's id.
    ///
    /// # Errors
    /// When git refuses.
    pub fn publish(&self, repo: &Repo) -> Result<String> {
        self.publish_with(repo, &[])
    }

    /// The same, with more files beside it.
    ///
    /// # Errors
    /// When git refuses.
    pub fn publish_with(&self, repo: &Repo, more: &[(&str, &str)]) -> Result<String> {
        let own = self.files_in("");
        let own = own.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        let all: Vec<_> = own.chain(more.iter().copied()).collect();
        repo.publish(&self.text, &all)
    }

    /// Its files and what is in them, in a directory that ends with a slash, or is none.
    #[must_use]
    pub fn files_in(&self, directory: &str) -> Vec<(String, String)> {
        const PACKAGE: &str = r#"{
  "name": "application",
  "version": "1.0.0",
  "private": true,
  "scripts": { "start": "node server.js" }
}
"#;
        const LOCKFILE: &str = r#"{
  "name": "application",
  "version": "1.0.0",
  "lockfileVersion": 3,
  "requires": true,
  "packages": { "": { "name": "application", "version": "1.0.0" } }
}
"#;
        const SERVER: &str = r"
const http = require('http');
const eaten = [];
const server = http.createServer((request, response) => {
  const path = request.url;
  if (path === '/crash') process.exit(3);
  if (path === '/eat') setInterval(() => eaten.push(Buffer.alloc(64 << 20, 1)), 10);
  if (path.startsWith('/get?')) {
    const asked = http.get(path.slice(5), { timeout: 2000 }, (answer) => answer.pipe(response));
    asked.on('error', (error) => response.end('error ' + error.code));
    return asked.on('timeout', () => asked.destroy(new Error('timeout')));
  }
  if (path.startsWith('/env/')) return response.end(String(process.env[path.slice(5)]));
  if (path === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const telling = setInterval(() => response.write('data: ' + text + '\n\n'), 100);
    return response.on('close', () => clearInterval(telling));
  }
  const slow = /^\/slow(?:\?(\d+))?$/.exec(path);
  setTimeout(() => response.end(text), slow ? Number(slow[1] || 1000) : 5);
});
server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  socket.on('error', () => {}).pipe(socket);
});
server.listen(process.env.PORT, '0.0.0.0', () => console.log('serving ' + text));
process.on('SIGTERM', () => {
  console.log('SIGTERM');
  server.close(() => process.exit(0));
});
";
        let Self { text, script } = self;
        let server = format!("const text = {};\n{script}\n{SERVER}", serde_json::Value::from(text.as_str()));
        let files = [("package.json", PACKAGE), ("package-lock.json", LOCKFILE), ("server.js", server.as_str())];
        files.iter().map(|(path, text)| (format!("{directory}{path}"), (*text).to_owned())).collect()
    }
}
