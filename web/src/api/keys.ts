/** The names under which answers are kept, coarse to fine: what an event invalidates is a prefix of them. */

export const keys = {
  me: ['me'] as const,
  setup: ['setup'] as const,
  projects: ['projects'] as const,
  /** Within the list, so that what changes the list changes it, a rename too. */
  projectNamed: (name: string) => ['projects', 'named', name] as const,
  /** Whether a new project may have that name. */
  nameAvailable: (name: string) => ['name-available', name] as const,
  project: (id: number) => ['project', id] as const,
  builds: (project: number, filter: object = {}) => ['project', project, 'builds', filter] as const,
  deployments: (project: number, filter: object = {}) => ['project', project, 'deployments', filter] as const,
  previews: (project: number) => ['project', project, 'previews'] as const,
  variables: (project: number) => ['project', project, 'variables'] as const,
  /** Apart from the project: GitHub is asked for it, so not at every step of a build. */
  hook: (project: number) => ['hook', project] as const,
  deployHooks: (project: number) => ['project', project, 'deploy-hooks'] as const,
  deliveries: (project: number) => ['project', project, 'deliveries'] as const,
  deliveryPages: (project: number) => ['project', project, 'deliveries', 'pages'] as const,
  reports: (project: number) => ['project', project, 'reports'] as const,
  /** Within the project: what is live says which there are. */
  services: (project: number) => ['project', project, 'services'] as const,
  servicesOf: (project: number, environment: string) => ['project', project, 'services', 'of', environment] as const,
  volumes: (project: number) => ['project', project, 'services', 'volumes'] as const,
  runs: (project: number) => ['project', project, 'services', 'runs'] as const,
  run: (project: number, id: number) => ['project', project, 'services', 'runs', id] as const,
  traffic: (project: number) => ['project', project, 'traffic'] as const,
  build: (id: number) => ['build', id] as const,
  organizations: ['github', 'organizations'] as const,
  repositories: (of: object) => ['github', 'repositories', of] as const,
  branches: (repository: string) => ['github', 'branches', repository] as const,
  /** What would be built of a repository with these settings. */
  detection: (of: object) => ['detection', of] as const,
  sessions: ['sessions'] as const,
  tokens: ['tokens'] as const,
  users: ['users'] as const,
  invitations: ['invitations'] as const,
  /** What the link of one offers. */
  invitation: (token: string) => ['invitation', token] as const,
  audit: (filter: object) => ['audit', filter] as const,
  limits: ['limits'] as const,
  system: ['system'] as const,
}
