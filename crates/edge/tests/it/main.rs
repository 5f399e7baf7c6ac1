//! The edge from outside: releases on a real disk, requests through its service.

mod anything;
mod caching;
mod fixture;
mod health;
mod hosts;
mod mounts;
mod passing;
mod paths;
mod protected;
mod representations;
mod rules;
mod switching;
mod wire;
