// A repository with several authors and branches, as a git host has it: bare, with a checkout beside it.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** What may lie in an example's directory without being part of it. */
const NOT_OF_THE_PROJECT = ['node_modules', 'dist', 'berth-example.json']

export class Repository {
  #bare
  #work

  /** `name` is its path below `directory`, which a git endpoint serves at `url`. */
  constructor(directory, url, name) {
    this.#bare = join(directory, `${name}.git`)
    this.#work = join(dirname(directory), 'work', name)
    this.url = `${url}/${name}.git`
    if (existsSync(this.#bare)) return
    mkdirSync(this.#bare, { recursive: true })
    mkdirSync(this.#work, { recursive: true })
    this.#git(this.#bare, ['init', '--quiet', '--bare', '--initial-branch=main'])
    // Git hosts let a commit be asked for by its id.
    this.#git(this.#bare, ['config', 'uploadpack.allowReachableSHA1InWant', 'true'])
    this.#git(this.#work, ['init', '--quiet', '--initial-branch=main'])
    this.#git(this.#work, ['remote', 'add', 'origin', this.#bare])
  }

  /** Copies an example's files into the checkout. */
  copyIn(example) {
    const filter = (path) => !NOT_OF_THE_PROJECT.includes(basename(path))
    cpSync(example, this.#work, { recursive: true, filter })
  }

  /** Checks a branch out, a new one at what is checked out. */
  switchTo(branch) {
    const known = this.#git(this.#work, ['branch', '--list', branch])
    this.#git(this.#work, known ? ['switch', '--quiet', branch] : ['switch', '--quiet', '-c', branch])
  }

  /** Commits and pushes `files` (`null` removes one); what `deliverPush` wants to know of it. */
  push(message, author, files) {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.#work, path)
      mkdirSync(dirname(file), { recursive: true })
      if (content === null) rmSync(file)
      else writeFileSync(file, content)
    }
    const before = this.#git(this.#work, ['rev-parse', '--verify', '--quiet', 'HEAD'], [0, 1, 128])
    this.#git(this.#work, ['add', '--all'])
    this.#git(this.#work, ['commit', '--quiet', '--message', message], [0], author)
    this.#git(this.#work, ['push', '--quiet', 'origin', 'HEAD'])
    const branch = this.#git(this.#work, ['branch', '--show-current'])
    return { commit: this.#git(this.#work, ['rev-parse', 'HEAD']), before, branch, message, author }
  }

  /** Runs git, untouched by the configuration of whoever calls; its output. */
  #git(directory, args, accepted = [0], author = { name: 'Berth', email: 'berth@localhost' }) {
    try {
      return execFileSync('git', args, {
        cwd: directory,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env.PATH,
          GIT_CONFIG_GLOBAL: join(this.#bare, 'no-such-file'),
          GIT_AUTHOR_NAME: author.name,
          GIT_AUTHOR_EMAIL: author.email,
          GIT_COMMITTER_NAME: author.name,
          GIT_COMMITTER_EMAIL: author.email,
        },
      }).trim()
    } catch (error) {
      if (accepted.includes(error.status)) return ''
      throw error
    }
  }
}
