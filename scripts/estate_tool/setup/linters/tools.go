//go:build tools

// Package tools names the linters that are built from Go modules.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
