// The example as a repository: its files, as they are in the working tree, committed on `main` of a bare repository.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const author = { name: 'Berth example', email: 'example@localhost' }

/** Commits `files` if they differ from what is committed; returns `{ commit, before, message, author }`. */
export function commitExample(files, repository) {
  mkdirSync(repository, { recursive: true })
  const index = join(repository, 'example-index')
  const git = (args, more = {}) =>
    execFileSync('git', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        GIT_CONFIG_GLOBAL: join(repository, 'no-such-file'),
        GIT_DIR: repository,
        GIT_INDEX_FILE: index,
        GIT_AUTHOR_NAME: author.name,
        GIT_AUTHOR_EMAIL: author.email,
        GIT_COMMITTER_NAME: author.name,
        GIT_COMMITTER_EMAIL: author.email,
        ...more,
      },
    }).trim()

  if (!existsSync(join(repository, 'HEAD'))) git(['init', '--quiet', '--bare', '--initial-branch=main'])
  // Git hosts let a commit be asked for by its id.
  git(['config', 'uploadpack.allowReachableSHA1InWant', 'true'])

  rmSync(index, { force: true })
  const leftOut = ['berth-example.json', 'node_modules', 'dist'].map((path) => `:(exclude)${path}`)
  git(['add', '--all', '--', '.', ...leftOut], { GIT_WORK_TREE: files })
  const tree = git(['write-tree'])
  const before = git(['for-each-ref', '--format=%(objectname)', 'refs/heads/main'])
  if (before && git(['rev-parse', `${before}^{tree}`]) === tree) {
    return { commit: before, before, message: git(['log', '-1', '--format=%s', before]), author }
  }
  const message = before ? 'Change the example' : 'Add the example'
  const commit = git(['commit-tree', tree, '-m', message, ...(before ? ['-p', before] : [])])
  git(['update-ref', 'refs/heads/main', commit])
  return { commit, before, message, author }
}
