#!/bin/sh
# Download Metacontroller's released manifests into metacontroller/upstream/released, once: kubectl then needs no network
# for them. Needs git. Where GitHub is not at hand, name a mirror or a clone in METACONTROLLER_REPOSITORY, or copy the
# folder from where it is.
set -eu

repository=${METACONTROLLER_REPOSITORY:-https://github.com/metacontroller/metacontroller}
version=v4.17.2
# What that tag was when it was looked at; a tag can be moved.
commit=${METACONTROLLER_COMMIT:-76b818bdc67ba56570abe5f69f714d56c0ff5c52}
released=$(dirname "$0")/released

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
g() { git -C "$scratch" "$@"; }

g init -q
g fetch -q --depth 1 "$repository" "refs/tags/$version"
found=$(g rev-parse 'FETCH_HEAD^{commit}')
if [ "$found" != "$commit" ]; then
	echo "The tag $version of $repository is the commit $found, not $commit: not used." >&2
	exit 1
fi
g archive --output released.tar FETCH_HEAD manifests/production LICENSE
tar -xf "$scratch/released.tar" -C "$scratch"
rm -rf "$released"
mv "$scratch/manifests/production" "$released"
mv "$scratch/LICENSE" "$released/"
echo "Metacontroller $version is in $released."
