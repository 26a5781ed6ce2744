#!/usr/bin/env bash
# Headers, and whole objects from a server that breaks and lies, under
# AddressSanitizer and UndefinedBehaviorSanitizer: see unit/transfer.c.
exec "$(dirname "$0")/../unit/run.sh" transfer 10000 2
