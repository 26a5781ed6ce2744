#!/usr/bin/env bash
# States Language under AddressSanitizer and UndefinedBehaviorSanitizer: text,
# expressions and executions made at random. See unit/asl.c.
exec "$(dirname "$0")/../unit/run.sh" asl 5000
