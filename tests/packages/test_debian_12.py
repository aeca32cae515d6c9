#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The packages on Debian 12."""

import sys

import packages

if __name__ == "__main__":
    sys.exit(packages.main("12"))
