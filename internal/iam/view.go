package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// View is a Directory for calls for one region: it accepts and returns ARNs in the
// region's partition. The store has all ARNs in one partition, that of the server's
// own region.
type View struct {
	*Directory
	call string // the call's partition
}

// For returns the view for calls for a region; "" is the server's own.
func (d *Directory) For(region string) *View {
	if region == "" {
		return &View{Directory: d, call: d.partition}
	}
	return &View{Directory: d, call: identitypool.Partition(region)}
}

// PartitionError means that an ARN has another partition than the call.
type PartitionError struct {
	ARN       string
	Right     string // the ARN in the call's partition
	Partition string // the call's
}

func (e *PartitionError) Error() string {
	return e.ARN + " is of another partition than the call, which is for " + e.Partition + ": write " + e.Right
}

// ShownARN returns an ARN of IAM or STS in a partition. Other texts stay as they are:
// pools have their region's partition, and other services' ARNs are not ours.
func ShownARN(arn, partition string) string {
	rest := strings.TrimPrefix(arn, "arn:"+identitypool.PartitionOf(arn))
	if strings.HasPrefix(rest, ":iam:") || strings.HasPrefix(rest, ":sts:") {
		return identitypool.InPartition(arn, partition)
	}
	return arn
}

// Check refuses an ARN that a call wants to store if it does not have the call's
// partition. The error is a *PartitionError. It accepts texts that are no ARNs of AWS;
// other checks refuse those.
func (v *View) Check(arn string) error {
	have := identitypool.PartitionOf(arn)
	if have == "" || have == v.call {
		return nil
	}

	return &PartitionError{ARN: arn, Right: v.shown(arn), Partition: v.call}
}

// Home returns an ARN in the stored partition.
func (v *View) Home(arn string) string { return v.home(arn) }

// Named returns, in the call's partition, the ARN by which a call names a resource that
// exists. Callers know it in the partition of their calls, or in the stored one, which
// older versions wrote for every region. For others the error is a *PartitionError.
func (v *View) Named(arn string) (string, error) {
	if identitypool.PartitionOf(arn) == v.partition {
		return v.shown(arn), nil
	}
	return arn, v.Check(arn)
}

// stored is like Named, but returns the ARN in the stored partition.
func (v *View) stored(arn string) (string, error) {
	arn, err := v.Named(arn)
	return v.home(arn), err
}

func (v *View) shown(arn string) string { return identitypool.InPartition(arn, v.call) }

// shownRole returns a role with the ARNs of its policies in the call's partition;
// storedRoleOf returns it with the stored ones.
func (v *View) shownRole(r store.Role) store.Role    { return inPartition(r, v.call) }
func (v *View) storedRoleOf(r store.Role) store.Role { return inPartition(r, v.partition) }

func inPartition(r store.Role, partition string) store.Role {
	r.Attached = slices.Clone(r.Attached)
	for i, arn := range r.Attached {
		r.Attached[i] = identitypool.InPartition(arn, partition)
	}
	r.Boundary = identitypool.InPartition(r.Boundary, partition)

	return r
}

// The methods below are the Directory's, in the call's partition.

// ARN is Directory.ARN.
func (v *View) ARN(account identitypool.AccountID, resource string) string {
	return v.shown(v.Directory.ARN(account, resource))
}

// RoleARN is Directory.RoleARN.
func (v *View) RoleARN(r store.Role) string { return v.shown(v.Directory.RoleARN(r)) }

// PolicyARN is Directory.PolicyARN.
func (v *View) PolicyARN(p store.ManagedPolicy) string { return v.shown(v.Directory.PolicyARN(p)) }

// NamedRole is Directory.NamedRole.
func (v *View) NamedRole(ctx context.Context, account identitypool.AccountID, name string) (store.Role, error) {
	r, err := v.Directory.NamedRole(ctx, account, name)
	return v.shownRole(r), err
}

// NamedRoles is Directory.NamedRoles.
func (v *View) NamedRoles(
	ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int,
) ([]store.Role, error) {
	list, err := v.Directory.NamedRoles(ctx, account, pathPrefix, after, limit)
	for i, r := range list {
		list[i] = v.shownRole(r)
	}
	return list, err
}

// CreateRole is Directory.CreateRole.
func (v *View) CreateRole(ctx context.Context, r store.Role) (store.Role, error) {
	made, err := v.Directory.CreateRole(ctx, v.storedRoleOf(r))
	return v.shownRole(made), err
}

// UpdateRole is Directory.UpdateRole.
func (v *View) UpdateRole(
	ctx context.Context, account identitypool.AccountID, name string, change func(*store.Role) error,
) (store.Role, error) {
	r, err := v.Directory.UpdateRole(ctx, account, name, func(r *store.Role) error {
		shown := v.shownRole(*r)
		if err := change(&shown); err != nil {
			return err
		}

		*r = v.storedRoleOf(shown)
		slices.Sort(r.Attached) // as the store sorts them

		return nil
	})

	return v.shownRole(r), err
}

// PolicyNamed is Directory.PolicyNamed.
func (v *View) PolicyNamed(ctx context.Context, account identitypool.AccountID, arn string) (
	p store.ManagedPolicy, own bool, err error,
) {
	if arn, err = v.stored(arn); err != nil {
		return p, false, err
	}
	return v.Directory.PolicyNamed(ctx, account, arn)
}

// PolicyUsers is Directory.PolicyUsers.
func (v *View) PolicyUsers(ctx context.Context, account identitypool.AccountID, arn string) (
	[]store.PolicyUser, error,
) {
	arn, err := v.stored(arn)
	if err != nil {
		return nil, err
	}

	users, err := v.Directory.PolicyUsers(ctx, account, arn)
	for i := range users {
		users[i].Role = v.shownRole(users[i].Role)
	}

	return users, err
}

// PolicyUses is Directory.PolicyUses.
func (v *View) PolicyUses(ctx context.Context, account identitypool.AccountID) (
	map[string]map[store.PolicyUsage]int, error,
) {
	uses, err := v.Directory.PolicyUses(ctx, account)
	if err != nil || v.call == v.partition {
		return uses, err
	}

	shown := make(map[string]map[store.PolicyUsage]int, len(uses))
	for arn, counts := range uses {
		shown[v.shown(arn)] = counts
	}

	return shown, nil
}
