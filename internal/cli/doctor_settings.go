package cli

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"example.org/microblog/internal/config"
)

// nobody stands for ADMINS where that cannot be used, so that the rest of the mail settings can be
// looked at. No mail is sent to it.
const nobody = "nobody@admins.invalid"

// settings loads the settings and tells every mistake in them. Those with a mistake are then left
// out, so that what the others say can be checked. It reports whether there are settings at all.
func (d *doctor) settings(in *invocation) (loaded bool) {
	d.unusable = map[string]bool{}
	cfg, err := config.Load(in.flags, in.LookupEnv, in.DotEnv)
	warnings := cfg.Warnings
	var many *config.Errors
	if errors.As(err, &many) {
		for _, p := range many.Problems {
			allowed := "Allowed: " + p.Allowed + "."
			d.add(wrong, strings.TrimSuffix(p.String(), " "+allowed), allowed)
			d.unusable[p.Setting] = true
		}
		cfg, err = config.Load(without(in.flags, d.unusable), in.LookupEnv, in.DotEnv)
	}
	for _, w := range warnings {
		d.add(warning, w, "")
	}
	if err != nil { // the .env file itself
		return false
	}
	d.cfg = cfg
	if many == nil {
		d.add(fine, given(cfg), "")
	}
	return true
}

// without returns the flags with settings taken away: an empty flag hides the environment and the
// .env file.
func without(flags config.Flags, names map[string]bool) config.Flags {
	fields := reflect.ValueOf(&flags).Elem()
	for i, s := range config.Settings() {
		if !names[s.Name] {
			continue
		}
		value := ""
		if s.Name == "ADMINS" {
			value = nobody
		}
		fields.Field(i).Set(reflect.ValueOf(&value))
	}
	return flags
}

// given says which settings are not left at their defaults, and where they come from. Values are
// not shown.
func given(cfg config.Config) string {
	var names []string
	values := cfg.Values()
	for _, v := range values {
		if v.Origin != "default" && v.Origin != "not set" {
			names = append(names, fmt.Sprintf("%s (%s)", v.Name, v.Origin))
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("None of the %d settings is given; all have their defaults.", len(values))
	}
	return fmt.Sprintf("%d of %d settings are given: %s.", len(names), len(values), strings.Join(names, ", "))
}
