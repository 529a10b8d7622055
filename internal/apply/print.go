package apply

import (
	"fmt"
	"io"
)

// say prints a line.
func (a *applier) say(format string, args ...any) { Say(a.options.Out, format, args...) }

// Say prints a line. Names and values may come from anybody who may change the
// server or write a file: they must not drive the terminal.
func Say(out io.Writer, format string, args ...any) {
	_, _ = io.WriteString(out, printable(fmt.Sprintf(format, args...))+"\n")
}

// print prints the plan, and returns how many changes there are to make.
func (a *applier) print(plan []*change) (todo int) {
	counts := map[Action]int{}
	for _, ch := range plan {
		act := ch.action()
		counts[act]++
		a.say("%s %s %s", signs[act], ch.resource.Name, ch.resource.Type)

		fields := ch.fields
		if act == ActionCreate {
			fields = differences("", map[string]any{}, tree(ch.want))
		}

		for _, f := range fields {
			path, from, to := a.mask.difference(f)
			if f.From == nil {
				a.say("    %s: %s", path, to)
			} else {
				a.say("    %s: %s -> %s", path, from, to)
			}
		}
		a.warnOfKeys(ch)

		for _, note := range ch.notes {
			a.say("    %s", note)
		}
	}
	a.say("%d to create, %d to update, %d to delete, %d without change",
		counts[ActionCreate], counts[ActionUpdate], counts[ActionDelete], counts[ActionNone])

	return counts[ActionCreate] + counts[ActionUpdate] + counts[ActionDelete]
}

// warnOfKeys names the condition keys of a resource's policies that the server
// cannot know, also of one that does not change.
func (a *applier) warnOfKeys(ch *change) {
	if ch.prune {
		return
	}

	for _, d := range ch.want.documents() {
		if d.warnings == nil {
			continue
		}

		for _, warning := range d.warnings(d.text) {
			a.say("    warning: %s: %s", d.name, warning)
		}
	}
}

// short returns a value for the plan; SAML metadata would fill the screen.
func short(v any) string {
	if v == nil {
		return "none"
	}
	text := []rune(show(v))
	if len(text) > 400 {
		return fmt.Sprintf("%s… (%d characters)", string(text[:100]), len(text))
	}

	return string(text)
}
