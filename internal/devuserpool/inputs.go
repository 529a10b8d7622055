package devuserpool

// These methods tell the table of operations which resource an input names by its ARN, and which tags the call sets
// and removes. api_gen.go has those of inputs that name a pool by its ID.

func (in *ListTagsForResourceRequest) resource() string           { return *in.ResourceArn }
func (in *ListTagsForResourceRequest) newTags() map[string]string { return nil }
func (in *ListTagsForResourceRequest) formerTags() []string       { return nil }
func (in *TagResourceRequest) resource() string                   { return *in.ResourceArn }
func (in *TagResourceRequest) newTags() map[string]string         { return in.Tags }
func (in *TagResourceRequest) formerTags() []string               { return nil }
func (in *UntagResourceRequest) resource() string                 { return *in.ResourceArn }
func (in *UntagResourceRequest) newTags() map[string]string       { return nil }
func (in *UntagResourceRequest) formerTags() []string             { return in.TagKeys }
