# What scripts/journey looks by, from outside: git, curl, docker, and what reads JSON. To be sourced,
# with: work, name, python, container.

run() {
    printf '$ %s\n' "$*"
    "$@"
}

expect() { # WHAT COMMAND…: what is looked at
    local what="$1"
    shift
    if "$@" >"$work/looked" 2>&1; then
        printf '  ✓ %s\n' "$what"
    else
        printf '  ✗ %s\n' "$what" >&2
        cat "$work/looked" >&2
        exit 1
    fi
}

same() { [[ -n "$1" && "$1" == "$2" ]] || { echo "$1 is not $2"; false; }; }

keep() { # FILE: stdin, whole or not at all
    cat >"$1.new" && mv "$1.new" "$1"
}

read_json() { # EXPRESSION [FILE]: of the JSON on stdin, or of a file
    "$python" -c "import json, sys; it = json.load(open(sys.argv[1]) if sys.argv[1:] else sys.stdin)
print($1)" "${@:2}"
}

commit() { # MESSAGE: all that is new in the project
    rm -f .git/index.lock # of a git that was killed: nobody else works here
    git add --all
    git diff --cached --quiet || git commit --quiet --message "$1"
}

ask() { # PATH [curl's words…]: of the server, as its admin
    local path="$1"
    shift
    curl --silent --show-error --fail --header "Authorization: Bearer $(<"$work/admin.key")" \
        "$@" "http://127.0.0.1:$(<"$work/port")$path"
}

predict() { ask /predict --json "{\"inputs\": [\"$text\"]}"; }
answering() { # digest of the bundle that answers
    ask /models | read_json '[v["digest"] for m in it["models"] for v in m["versions"]
                              if v["name"] == m["primary"]][0]'
}
registered() { # VERSION: digest of its bundle, as the registry's branch has it
    git show "$name@$1:models/$name.json" | read_json 'it["bundle"]["digest"]'
}
bundle() { printf '%s\n' "$(ls -td runs/*/bundle | head -n 1)"; } # the newest
last_entry() { git show mlops-registry:models/audit.jsonl | tail -n 1 | read_json "it['$1']"; }
in_production() { # VERSION: whether the newest tag of the stage points to its commit
    local newest
    newest="$(git tag --list "$name#production#*" --sort=-version:refname | head -n 1)"
    same "$(git rev-parse "$newest^{commit}")" "$(git rev-parse "$name@$1^{commit}")"
}
of_container() { docker container inspect --format "$1" "$container"; }
of_image() { docker image inspect --format "$1" "$2"; }
