#!/usr/bin/env bash
# The data set generator under AddressSanitizer and UndefinedBehaviorSanitizer:
# see unit/sample.c.
exec "$(dirname "$0")/../unit/run.sh" sample 0.1 4
