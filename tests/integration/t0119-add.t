#!/bin/sh
# git dv add stages what git add stages, and ends as it does.
. "$(dirname "$0")/../lib.sh"

new_repo base
(
	cd base || exit 1
	mkdir -p d.bin s/t
	make_noise d.bin/f.bin 3000 1
	make_noise file.bin 4000 2
	make_noise s/t/x.bin 3000 3
	make_noise s/y.bin 3000 4
	make_json top.json 20 5
	echo text >note.txt
	echo text >s/note.txt
	ln -s note.txt link.bin
	printf '*.o\nbuild/\n' >.gitignore
	git add -A && git commit -q -m base
	printf '*.bin filter=dv\n' >.git/info/attributes
) >/dev/null 2>&1

GIT_AUTHOR_DATE='1700000000 +0000'
GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE

# alike DESC SETUP ARGS...: in two copies that SETUP changed (a piece of shell, from the
# top; it may set $in, the folder to stand in, and $git), git add and git dv add with ARGS.
alike() {
	lib_desc=$1
	lib_setup=$2
	shift 2
	for c in plain dv; do
		rm -rf "$T/$c"
		cp -a base "$T/$c"
		(
			cd "$T/$c" || exit 1
			in=.
			git=git
			eval "$lib_setup"
			cd "$in" || exit 1
			case $c in
			plain) $git add "$@" ;;
			dv) $git dv add "$@" ;;
			esac
			echo "exit code $?"
		) >"$T/$c.out" 2>"$T/$c.err" </dev/null
		(
			cd "$T/$c" || exit 1
			tail -n 1 "$T/$c.out"
			git ls-files -s
			git status --porcelain 2>&1
		) >"$T/$c.state"
	done
	if cmp -s plain.state dv.state; then
		pass "$lib_desc"
	else
		diff plain.state dv.state >"$T_OUT"
		cat dv.err >"$T_ERR"
		fail "$lib_desc"
	fi
}

edit='make_noise file.bin 5000 11; make_noise new.bin 3000 12; echo more >>note.txt; echo n >new.txt;
	make_noise s/t/new.bin 3000 13'

alike 'all of it' "$edit" .
alike 'some of it' "$edit" new.bin s note.txt
alike 'a pattern' "$edit" '*.bin'
alike 'from below' "$edit; in=s" .
alike 'from below, all' "$edit; in=s" ':/'
alike 'one above, from below' "$edit; in=s" ../file.bin
alike 'a path that begins as another does' "mkdir s2; make_noise s2/a.bin 2000 1; $edit" s2

# Files in place of folders, and the other way round.
alike 'a file in place of a folder' 'rm -r d.bin; make_noise d.bin 3000 6' .
alike 'by name' 'rm -r d.bin; make_noise d.bin 3000 6' d.bin
alike 'a text file in place of a folder' 'rm -r s; echo text >s' .
alike 'a folder in place of a file' 'rm file.bin; mkdir file.bin; make_noise file.bin/a.bin 3000 6; echo t >file.bin/t' .
alike 'a folder in place of a text file' 'rm note.txt; mkdir note.txt; make_noise note.txt/a.bin 3000 6' note.txt
alike 'an empty folder in place of a file' 'rm file.bin; mkdir file.bin' .
alike 'a link in place of a folder' 'mv s/t other; ln -s ../other s/t' .
alike 'a link in place of a file' 'rm file.bin; ln -s note.txt file.bin' .
alike 'a file in place of a link' 'rm link.bin; make_noise link.bin 3000 6' .
alike 'a link to a folder in place of one, a part' 'mv s/t other; ln -s ../other s/t' s
alike 'removed files' 'rm file.bin s/note.txt; rm -r s/t' .
alike 'a removed one by name' 'rm file.bin' file.bin
alike 'a removed folder by name' 'rm -r s' s
alike 'an unmerged one' 'git checkout -q -b o && make_noise file.bin 4000 21 && git commit -qam o && git checkout -q main &&
	make_noise file.bin 4000 22 && git commit -qam m && ! git merge -q o' file.bin
alike 'a mode' 'chmod +x file.bin note.txt' .
alike 'assumed to be unchanged' "$edit; git update-index --assume-unchanged file.bin note.txt" .

# What is nothing to add.
alike 'an empty folder' "$edit; mkdir e" e
alike 'an empty folder and a file' "$edit; mkdir e" e new.bin
alike 'in an empty folder' "$edit; mkdir e; in=e" .
alike 'a folder with ignored files alone' "$edit; mkdir e; echo >e/a.o" e
alike 'an ignored file' "$edit; echo >a.o" a.o
alike 'an ignored file and another' "$edit; echo >a.o" a.o new.bin new.txt file.bin
alike 'an ignored folder' "$edit; mkdir build; make_noise build/a.bin 200 1" build new.bin
alike 'a pattern of ignored files' "$edit; echo >a.o" '*.o'
alike 'a FIFO' "$edit; mkfifo p" p
alike 'a FIFO that would be data' "$edit; mkfifo p.bin" p.bin new.bin
alike 'a FIFO in place of a file' "rm file.bin; mkfifo file.bin" new.txt note.txt
alike 'a file that is not there' "$edit" no-such
alike 'a file that is not there, and others' "$edit" new.bin no-such note.txt
alike 'a pattern without a match' "$edit" '*.zip'
alike 'what is outside' "$edit; make_noise ../out.bin 100 1" ../out.bin
alike 'a path behind a link' 'mv s/t other; ln -s ../other s/t' s/t/x.bin
alike 'the empty path' "$edit" ''

# Pathspecs.
alike 'all but' "$edit" ':!new.bin'
alike 'all but, from below' "$edit; in=s" ':!zz'
alike 'all but, the other sign' "$edit; in=s" ':^zz'
alike 'all but, from the top' "$edit; in=s" ':/!new.bin'
alike 'all but, in words' "$edit; in=s" ':(top,exclude)new.bin'
alike 'all but, two' "$edit; in=s" ':!t' ':(exclude)note.txt'
alike 'some but' "$edit; in=s" . ':!t'
alike 'some but, of a folder that took the place of a file' \
	'rm note.txt; mkdir note.txt; echo a >note.txt/a; echo b >note.txt/b' . ':!note.txt/b'
alike 'no such magic' "$edit" ':(nonsense)x'
alike 'literal' "$edit; git='git --literal-pathspecs'" '*.bin'
alike 'literal, a name' "$edit; git='git --literal-pathspecs'" new.bin note.txt
alike 'literal, all' "$edit; git='git --literal-pathspecs'" .
alike 'literal, what looks like magic' "echo >':!x'; echo >y; git='git --literal-pathspecs'; in=s; echo >':!x'" ':!x'
alike 'glob' "$edit; git='git --glob-pathspecs'" '*.bin'
alike 'noglob' "$edit; git='git --noglob-pathspecs'" '*.bin'
alike 'icase' "$edit; git='git --icase-pathspecs'" 'FILE.bin' 'NOTE.*'

# A sparse checkout.
for mode in '--cone' '--cone --sparse-index' '--no-cone'; do
	lib_sparse="git sparse-checkout set $mode d.bin; mkdir -p s/t; make_noise s/t/in.bin 200 1;
		echo n >s/new.txt; make_noise d.bin/new.bin 200 1"
	alike "sparse $mode: all" "$lib_sparse" .
	alike "sparse $mode: outside" "$lib_sparse" s
	alike "sparse $mode: a file outside" "$lib_sparse" s/t/in.bin
	alike "sparse $mode: both" "$lib_sparse" s/t/in.bin d.bin/new.bin
	alike "sparse $mode: inside" "$lib_sparse" d.bin
	alike "sparse $mode: what is left out" "$lib_sparse" s/y.bin
	alike "sparse $mode: removed ones" "$lib_sparse; rm -f d.bin/f.bin s/note.txt note.txt" .
	alike "sparse $mode: a file in place of a folder" "$lib_sparse; rm -r d.bin; make_noise d.bin 2000 1" .
	alike "sparse $mode: nothing outside" "git sparse-checkout set $mode d.bin; make_noise d.bin/new.bin 200 1" .
done

# Repositories in it, and files that git cannot read.
sub='git init -q inner && git -C inner commit -q --allow-empty -m i && git init -q empty'
alike 'a repository in it' "$sub; $edit; rm -rf empty" .
alike 'by name' "$sub; $edit" inner
alike 'one without a commit' "$sub; $edit" .
alike 'a repository that has moved on' "$sub; git add inner; git commit -q -m s; git -C inner commit -q --allow-empty -m j; $edit; rm -rf empty" .
alike 'one that is gone' "$sub; git add inner; git commit -q -m s; rm -rf inner empty" .
alike 'one that a file took the place of' "$sub; git add inner; git commit -q -m s; rm -rf inner empty; echo >inner" .
alike 'a FIFO in place of a tracked file' 'rm note.txt; mkfifo note.txt' .
alike 'line ends' 'git config core.autocrlf input; printf "a\r\n" >crlf.txt; printf "a\r\n" >note.txt' .
alike 'no modes' 'git config core.fileMode false; chmod +x note.txt file.bin; echo >new.sh; chmod +x new.sh' .

# Git converts what the filter answers, too: what it then says is of a byte order mark.
for e in UTF-16 utf-16le UTF32; do
	printf '*.bin working-tree-encoding=%s\n' "$e" >base/.git/info/attributes
	echo '*.bin filter=dv' >>base/.git/info/attributes
	make_noise base/file.bin 5000 41
	git -C base ls-files -s >index.before
	fails "$e: git dv add refuses" git -C base dv add file.bin note.txt
	says 'and says what helps' '!working-tree-encoding'
	is 'nothing is staged' "$(git -C base ls-files -s)" "$(cat index.before)"
done
printf '*.bin filter=dv\n' >base/.git/info/attributes
alike 'an encoding in which a pointer is what it is' \
	"echo '*.bin working-tree-encoding=ISO-8859-1' >>.git/info/attributes; $edit" .

# The other commands with these variables.
cd base || exit 1
make_noise file.bin 5000 31
for v in LITERAL GLOB NOGLOB ICASE; do
	ok "GIT_${v}_PATHSPECS: track" env "GIT_${v}_PATHSPECS=1" git dv track
	says 'lists the patterns' '*.json'
	ok 'version' env "GIT_${v}_PATHSPECS=1" git dv version file.bin "n$v"
	ok 'verify' env "GIT_${v}_PATHSPECS=1" git dv verify --full
	ok 'commit' sh -c "git add -A && GIT_${v}_PATHSPECS=1 git commit -q -m $v"
done
done_testing
