# The commands of the project; README.md explains them. Missing Debian packages are installed by the targets that need them.

BUILD = swift build -c release
BINARY = .build/release/kdelay-ftrace
PREFIX ?= /usr/local

.PHONY: all build packages demo test unit fuzz live bench format lint install clean

all: build

packages:
	@Scripts/install-packages build

build: packages
	$(BUILD) --product kdelay-ftrace

# The main job on a program that has something to find; without tracefs, the same program's shipped recording.
demo: build
	@Scripts/demo $(BINARY)

test: packages
	@Scripts/install-packages test
	@Scripts/test

unit: packages
	swift test

fuzz: packages
	Tests/Fuzz/run $(SECONDS)

live: build
	$(BUILD) --product stack-replay
	python3 Tests/Live/run.py --binary $(abspath $(BINARY))

bench: packages
	@Scripts/install-packages bench
	$(BUILD)
	python3 Benchmarks/run.py

format:
	swift format --in-place --recursive Package.swift Sources Tests Benchmarks

lint:
	swift format lint --strict --recursive Package.swift Sources Tests Benchmarks

install: build
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/kdelay-ftrace

clean:
	rm -rf .build .build-*
