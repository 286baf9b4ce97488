package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.org/microblog/internal/config"
)

// Free space and inodes below which Microblog soon cannot keep what it must. The larger figures count
// only where they are a small part of the disk as well, so that a small disk is not full from the beginning.
const (
	lowSpace   = 256 << 20 // bytes, if less than a quarter is free
	lowAlways  = 16 << 20
	noSpace    = 16 << 20 // if less than a twentieth is free
	noneAlways = 1 << 20
	lowInodes  = 1000 // if less than a quarter is free
	noInodes   = 50
)

// room says how much is left of something.
type room int

const (
	enough room = iota
	little
	none
)

// space tells whether the free bytes of a volume do.
func (v volume) space() room {
	switch {
	case v.free < noneAlways, v.free < noSpace && v.free < v.size/20:
		return none
	case v.free < lowAlways, v.free < lowSpace && v.free < v.size/4:
		return little
	}
	return enough
}

// inodes tells whether the files that can still be made do.
func (v volume) inodes() room {
	switch {
	case v.files == 0: // not limited
		return enough
	case v.freeInodes < noInodes:
		return none
	case v.freeInodes < lowInodes && v.freeInodes < v.files/4:
		return little
	}
	return enough
}

// A volume is the file system that a directory is on.
type volume struct {
	free, size        uint64 // bytes that this user may use, and in all
	freeInodes, files uint64 // likewise; files is 0 where they are not limited
	network           string // the kind of network file system, "" if it is on this machine or not known
}

// disk looks at the directories that are written to.
func (d *doctor) disk(context.Context) {
	for _, p := range d.places() {
		if d.unusable[p.setting] {
			d.add(skipped, "Not checked: the setting "+p.setting+" cannot be used.", "")
			continue
		}
		d.place(p)
	}
}

// A place is a directory that Microblog writes to.
type place struct {
	dir     string
	setting string
}

// places are the directories of the settings, each once.
func (d *doctor) places() []place {
	all := []place{{d.cfg.DataDir, "DATA_DIR"}}
	if d.cfg.Database.Kind == config.SQLite {
		all = append(all, place{filepath.Dir(d.cfg.Database.Path), "DATABASE_URL"})
	}
	all = append(all, place{d.cfg.LogDir, "LOG_DIR"})
	if path := d.cfg.AccessLog.Path; path != "" {
		all = append(all, place{filepath.Dir(path), "ACCESS_LOG"})
	}
	return slices.CompactFunc(slices.SortedStableFunc(slices.Values(all), func(a, b place) int {
		return strings.Compare(filepath.Clean(a.dir), filepath.Clean(b.dir))
	}), func(a, b place) bool { return filepath.Clean(a.dir) == filepath.Clean(b.dir) })
}

// place tells whether a directory can be written to, and what is left on its disk.
func (d *doctor) place(p place) {
	at, made, err := existing(p.dir)
	if err != nil {
		d.add(wrong, fmt.Sprintf("%s cannot be used: %v.", p.dir, err), "Correct the setting "+p.setting+", or move away what is there.")
		return
	}
	if err := mayWrite(at); err != nil {
		what := "cannot be written to"
		if !made {
			what = "does not exist, and cannot be made in " + at
		}
		d.add(wrong, fmt.Sprintf("%s %s: %v.", p.dir, what, cause(err)),
			fmt.Sprintf("Give the directory to the user that runs Microblog, or choose another one with the setting %s.", p.setting))
		return
	}
	text := p.dir + " can be written to"
	if !made {
		text = p.dir + " does not exist yet; it will be made"
	}
	v, err := volumeOf(at)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		d.okf("%s. How much space is left cannot be told on this system.", text)
		return
	case err != nil:
		d.add(warning, fmt.Sprintf("%s, but how much space is left cannot be told: %v.", text, err), "")
		return
	}
	left := fmt.Sprintf("%s of %s are free", size(v.free), size(v.size))
	if v.files > 0 {
		left += fmt.Sprintf(", and %d %% of the inodes", v.freeInodes*100/v.files)
	}
	text += "; " + left
	const remedy = "Remove what is not needed, or move %s to a larger disk with the setting %s."
	switch {
	case v.space() == none:
		d.add(wrong, fmt.Sprintf("The disk of %s is full: %s.", p.dir, left), fmt.Sprintf(remedy, p.dir, p.setting))
	case v.inodes() == none:
		d.add(wrong, fmt.Sprintf("No more files can be made on the disk of %s: %s.", p.dir, left), "Remove directories with very many small files.")
	case v.space() == little:
		d.add(warning, text+". That is little.", fmt.Sprintf(remedy, p.dir, p.setting))
	case v.inodes() == little:
		d.add(warning, text+". Soon no more files can be made.", "Remove directories with very many small files.")
	case v.network != "":
		d.add(warning, fmt.Sprintf("%s. It is on a network file system (%s), where locks cannot be relied on.", text, v.network),
			"Use a disk of this machine with the setting "+p.setting+".")
	default:
		d.add(fine, text+".", "")
	}
	if made {
		d.owner(p)
	}
}

// owner warns where root would look at what belongs to somebody else: root may do everything.
func (d *doctor) owner(p place) {
	info, err := os.Stat(p.dir)
	if err != nil {
		return
	}
	if uid, ok := ownerOf(info); ok && os.Geteuid() == 0 && uid != 0 {
		d.add(warning, fmt.Sprintf("%s belongs to user %d, and this is root: what that user may write is not told here.", p.dir, uid),
			fmt.Sprintf("Run it as that user, such as sudo -u '#%d' microblog doctor.", uid))
	}
}

// existing returns the directory, and true, or else the one in which it would be made.
func existing(dir string) (at string, made bool, err error) {
	at, err = filepath.Abs(dir)
	if err != nil {
		return "", false, err
	}
	for made = true; ; made = false {
		info, err := os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return at, made, nil
		case err == nil:
			return "", false, fmt.Errorf("%s is no directory", at)
		case !errors.Is(err, fs.ErrNotExist):
			return "", false, fmt.Errorf("%s: %w", at, cause(err))
		}
		up := filepath.Dir(at)
		if up == at {
			return "", false, fmt.Errorf("%s does not exist", at)
		}
		at = up
	}
}

// size writes a number of bytes with the units of IEC 80000-13.
func size(n uint64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	v, unit := float64(n)/(1<<10), "KiB"
	for _, next := range []string{"MiB", "GiB", "TiB"} {
		if v < 1<<10 {
			break
		}
		v, unit = v/(1<<10), next
	}
	if v < 10 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}
