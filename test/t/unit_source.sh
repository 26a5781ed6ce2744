#!/usr/bin/env bash
# Addresses, patterns, signatures, listings and answers with credentials under
# AddressSanitizer and UndefinedBehaviorSanitizer: see unit/source.c.
exec "$(dirname "$0")/../unit/run.sh" source 5000
