"""Projects: `init` makes one from the template, `update` merges a newer template into it."""
