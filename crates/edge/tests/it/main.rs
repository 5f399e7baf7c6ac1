//! The edge from outside: releases on a real disk, requests through its service.

mod anything;
mod fixture;
mod hosts;
mod paths;
mod representations;
mod rules;
mod switching;
mod wire;
