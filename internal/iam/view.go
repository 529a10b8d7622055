package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// View has the methods of a Directory that accept or return ARNs, for calls for one region:
// its ARNs are in the region's partition. The store has all ARNs in one partition, that of
// the server's own region.
type View struct {
	// Directory has the methods without ARNs, and those in the stored partition. It is not
	// embedded, so that a call chooses the partition.
	Directory *Directory
	call      string // the call's partition
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

	return &PartitionError{ARN: arn, Right: v.toCall(arn), Partition: v.call}
}

// FromCall converts an ARN from a call to the call's partition. It also accepts the stored
// partition, which older versions returned for every region. For others the error is a
// *PartitionError.
func (v *View) FromCall(arn string) (string, error) {
	if identitypool.PartitionOf(arn) == v.Directory.partition {
		return v.toCall(arn), nil
	}
	return arn, v.Check(arn)
}

// fromCallToStored is FromCall, but converts the ARN to the stored partition.
func (v *View) fromCallToStored(arn string) (string, error) {
	arn, err := v.FromCall(arn)
	return v.Directory.ToStored(arn), err
}

// toCall returns an ARN in the call's partition.
func (v *View) toCall(arn string) string { return identitypool.InPartition(arn, v.call) }

// roleToCall returns a role with the ARNs of its policies in the call's partition.
func (v *View) roleToCall(r store.Role) store.Role { return roleInPartition(r, v.call) }

// roleToStored returns a role with the ARNs of its policies in the stored partition.
func (v *View) roleToStored(r store.Role) store.Role {
	return roleInPartition(r, v.Directory.partition)
}

func roleInPartition(r store.Role, partition string) store.Role {
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
	return v.toCall(v.Directory.ARN(account, resource))
}

// RoleARN is Directory.RoleARN.
func (v *View) RoleARN(r store.Role) string { return v.toCall(v.Directory.RoleARN(r)) }

// PolicyARN is Directory.PolicyARN.
func (v *View) PolicyARN(p store.ManagedPolicy) string { return v.toCall(v.Directory.PolicyARN(p)) }

// NamedRole is Directory.NamedRole.
func (v *View) NamedRole(ctx context.Context, account identitypool.AccountID, name string) (store.Role, error) {
	r, err := v.Directory.NamedRole(ctx, account, name)
	return v.roleToCall(r), err
}

// NamedRoles is Directory.NamedRoles.
func (v *View) NamedRoles(
	ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int,
) ([]store.Role, error) {
	list, err := v.Directory.NamedRoles(ctx, account, pathPrefix, after, limit)
	for i, r := range list {
		list[i] = v.roleToCall(r)
	}
	return list, err
}

// CreateRole is Directory.CreateRole.
func (v *View) CreateRole(ctx context.Context, r store.Role) (store.Role, error) {
	made, err := v.Directory.CreateRole(ctx, v.roleToStored(r))
	return v.roleToCall(made), err
}

// UpdateRole is Directory.UpdateRole.
func (v *View) UpdateRole(
	ctx context.Context, account identitypool.AccountID, name string, change func(*store.Role) error,
) (store.Role, error) {
	r, err := v.Directory.UpdateRole(ctx, account, name, func(r *store.Role) error {
		shown := v.roleToCall(*r)
		if err := change(&shown); err != nil {
			return err
		}

		*r = v.roleToStored(shown)
		slices.Sort(r.Attached) // as the store sorts them

		return nil
	})

	return v.roleToCall(r), err
}

// PolicyNamed is Directory.PolicyNamed.
func (v *View) PolicyNamed(ctx context.Context, account identitypool.AccountID, arn string) (
	p store.ManagedPolicy, own bool, err error,
) {
	if arn, err = v.fromCallToStored(arn); err != nil {
		return p, false, err
	}
	return v.Directory.PolicyNamed(ctx, account, arn)
}

// PolicyUsers is Directory.PolicyUsers.
func (v *View) PolicyUsers(ctx context.Context, account identitypool.AccountID, arn string) (
	[]store.PolicyUser, error,
) {
	arn, err := v.fromCallToStored(arn)
	if err != nil {
		return nil, err
	}

	users, err := v.Directory.PolicyUsers(ctx, account, arn)
	for i := range users {
		users[i].Role = v.roleToCall(users[i].Role)
	}

	return users, err
}

// PolicyUses is Directory.PolicyUses.
func (v *View) PolicyUses(ctx context.Context, account identitypool.AccountID) (
	map[string]map[store.PolicyUsage]int, error,
) {
	uses, err := v.Directory.PolicyUses(ctx, account)
	if err != nil || v.call == v.Directory.partition {
		return uses, err
	}

	shown := make(map[string]map[store.PolicyUsage]int, len(uses))
	for arn, counts := range uses {
		shown[v.toCall(arn)] = counts
	}

	return shown, nil
}
