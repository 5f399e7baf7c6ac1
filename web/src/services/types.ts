/** What the API says of services, volumes and one-off commands, by shorter names. */

import type { Schema } from '~/api/client'

export type Service = Schema['ServiceBody']
export type ServiceVariable = Schema['ServiceVariableBody']
export type Replica = Schema['InstanceBody']
export type ReplicaEnd = Schema['ReplicaEnd']
export type Volume = Schema['VolumeBody']
export type Run = Schema['RunBody']
export type LogStream = Schema['LogStream']

/** The most replicas of one service (the server's own limit; it refuses more). */
export const MOST_REPLICAS = 20
